// Serves the page without a network: what a first view and search need from the start, the page's other files soon after,
// the catalog's as they were seen. Its address carries the build's version, so a new build is a new worker, and the
// visitor's language, of which the page needs no other.
'use strict';

const address = new URL(location.href).searchParams;
const version = address.get('v') ?? '0';
const language = address.get('l');
const base = registration.scope;
const prefix = `vitrine ${new URL(base).pathname} `; // cacheName() in ui/data.js
const shellName = `${prefix}shell ${version}`;
const seenName = `${prefix}seen`;
let forgetting = false;

async function fill() {
  const site = await (await fetch(new URL('site.json', base), { cache: 'no-cache' })).json();
  // The engine's module is kept by its hash, with the model (ui/data.js): the one build of it that this browser takes.
  const files = [...(site.precache ?? []), ...(language ? [`ui/strings/${language}.js`] : [])];
  const urls = new Set([...files, 'site.json', 'index.html', './'].map((file) => new URL(file, base).href));
  const cache = await caches.open(shellName);
  await Promise.all([...urls].map(async (url) => cache.put(url, await expected(url, site.hashes ?? {}))));
  // Without these the shell shows nothing: a visitor who leaves as soon as this worker is there has them.
  await keep([new URL('catalog.json', new URL(site.catalog, base)).href, new URL('model.json', new URL(site.model, base)).href]);
}

/** What a visitor may come to use without a network, when nobody waits for it. */
async function fillRest() {
  const cache = await caches.open(shellName);
  const { later = [], hashes = {} } = (await (await cache.match(new URL('site.json', base)))?.json()) ?? {};
  for (const file of later) {
    const url = new URL(file, base).href;
    if (forgetting || (await cache.match(url))) continue;
    const response = await expected(url, hashes).catch(() => null); // the next visit tries again
    if (response) await cache.put(url, response);
  }
}

/** A file of this build: an upload that is half done has others beside it, and those wait for the next attempt. */
async function expected(url, hashes) {
  const response = await fetch(new Request(url, { cache: 'no-cache' }));
  const name = url.slice(base.length) || 'index.html';
  const wanted = Object.hasOwn(hashes, name) && hashes[name];
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  if (!wanted) return response;
  const digest = await crypto.subtle.digest('SHA-256', await response.clone().arrayBuffer());
  const got = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (got !== wanted) throw new Error(`${url}: expected sha256 ${wanted}, got ${got}`);
  return response;
}

async function clear() {
  for (const name of await caches.keys()) if (name.startsWith(`${prefix}shell `) && name !== shellName) await caches.delete(name);
  await clients.claim();
}

addEventListener('install', (event) => event.waitUntil(fill()));
addEventListener('activate', (event) => event.waitUntil(clear()));

addEventListener('message', (event) => {
  const { type, urls } = event.data ?? {};
  if (type === 'take over') skipWaiting();
  if (type === 'forget') forgetting = true;
  if (type === 'keep' && !forgetting) event.waitUntil(keep(urls).then(fillRest));
});

async function keep(urls) {
  const cache = await caches.open(seenName);
  for (const url of urls) {
    if (!url.startsWith(base) || (await cache.match(url))) continue;
    const response = await fetch(url).catch(() => null);
    if (response?.ok) await cache.put(url, response);
  }
}

// Hosts that cannot send headers (GitHub Pages) get the page's isolation from here, which threads need.
const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
};

function isolated(response) {
  if (!response.ok || response.type === 'opaque') return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(isolation)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

const isPhoto = (url) => /\.(jpe?g|png|webp|avif)$/i.test(url.pathname);
const isManifest = (url) => /\/(catalog|model)\.json$/.test(url.pathname);

addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || !request.url.startsWith(base) || url.searchParams.has('fresh')) return;
  const page = [base, new URL('index.html', base).href].includes(url.origin + url.pathname);
  if (request.mode === 'navigate') page && event.respondWith(navigate(request));
  else if (isManifest(url)) event.respondWith(networkFirst(request));
  else if (isPhoto(url)) event.respondWith(shell(request, cacheFirst));
  else event.respondWith(shell(request, (missing) => fetch(missing)));
});

/** Asks without the query: an older link has the visitor's words there. */
async function navigate(request) {
  const cached = await (await caches.open(shellName)).match(new URL('index.html', base));
  return isolated(cached ?? (await fetch(new URL(new URL(request.url).pathname, base))));
}

async function shell(request, otherwise) {
  const cached = await (await caches.open(shellName)).match(request, { ignoreSearch: true });
  return cached ? isolated(cached) : otherwise(request);
}

async function store(name, request, response) {
  if (!response.ok || forgetting) return;
  // A full disk must not take the answer away.
  await (await caches.open(name)).put(request, response).catch(() => null);
}

async function cacheFirst(request) {
  const cached = await (await caches.open(seenName)).match(request);
  if (cached) return cached;
  const response = await fetch(request);
  await store(seenName, request, response.clone());
  return response;
}

async function networkFirst(request) {
  try {
    const response = await fetch(request);
    await store(seenName, request, response.clone());
    return response;
  } catch (error) {
    const cached = await (await caches.open(seenName)).match(request);
    if (cached) return cached;
    throw error;
  }
}
