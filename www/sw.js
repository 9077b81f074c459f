// Serves the page without a network: what a first view and search need from the start, the page's other files soon after,
// the catalog's as they were seen. Its address carries the build's version, so a new build is a new worker, and the
// visitor's language, of which the page needs no other.
//
// It never stands between a visitor and what is at the address now: a page is asked of the network first, and this copy is
// shown when there is none. A page that is not ours is passed through as it is; see look().
'use strict';

const address = new URL(location.href).searchParams;
const version = address.get('v') ?? '0';
const language = address.get('l');
const base = registration.scope;
const prefix = `vitrine ${new URL(base).pathname} `; // cacheName() in ui/data.js
const shellName = `${prefix}shell ${version}`;
const seenName = `${prefix}seen`;
const patience = 3000; // ms that a visitor waits for the network while there is a copy of the page here
let forgetting = false;

const site = new URL('site.json', base).href;
const index = new URL('index.html', base).href;
const photo = /^catalog\/photos\/[^?]+\.(jpe?g|png|webp|avif)$/i;
const manifest = /^(catalog\/catalog|model\/model)\.json$/;

/**
 * The one place that says whether an address is this site's own: its path below the page, or null. Other pages may lie
 * under the same folder, another site like this one among them; only what `vitrine site` writes is ours.
 */
function mine(href) {
  const url = new URL(href);
  if (!url.href.startsWith(base)) return null;
  const path = (url.origin + url.pathname).slice(base.length);
  return path === '' ||
    /^(?:[\w.-]+\.(?:html|js|css|json|svg|png|webp|jpe?g|webmanifest)|(?:core|ui|pkg|icons|embed|catalog|model)\/.+)$/.test(
      path,
    )
    ? path
    : null;
}

/** A whole answer from where it was asked for: no error, no part, no redirect, nothing of another origin. */
const whole = (response) => response.status === 200 && !response.redirected && response.type === 'basic';
const typed = (response, type) => (response.headers.get('content-type') ?? '').toLowerCase().startsWith(type);

async function fill() {
  const described = await expected(site, {});
  const list = await described.clone().json();
  if (list.version !== version) throw new Error(`${site}: expected version ${version}, got ${list.version}`);
  // The engine's module is kept by its hash, with the model (core/data.js): the one build of it that this browser takes.
  const files = [...(list.precache ?? []), ...(language ? [`ui/strings/${language}.js`] : []), 'index.html', './'];
  const urls = new Set(files.map((file) => new URL(file, base).href));
  const cache = await caches.open(shellName);
  await cache.put(site, described);
  const hashes = await hashesOf(list, await expected(index, list.hashes ?? {}));
  await Promise.all([...urls].map(async (url) => cache.put(url, await expected(url, hashes))));
  // Without these the shell shows nothing: a visitor who leaves as soon as this worker is there has them.
  await keep([
    new URL('catalog.json', new URL(list.catalog, base)).href,
    new URL('model.json', new URL(list.model, base)).href,
  ]);
}

/** What a visitor may come to use without a network, when nobody waits for it. */
async function fillRest() {
  const cache = await caches.open(shellName);
  const [list, page] = [(await (await cache.match(site))?.json()) ?? {}, await cache.match(index)];
  const hashes = page ? await hashesOf(list, page) : {};
  const panels = language ? [`ui/strings/panels/${language}.js`] : [];
  for (const file of [...panels, ...(list.later ?? [])]) {
    const url = new URL(file, base).href;
    if (forgetting || (await cache.match(url))) continue;
    const response = await expected(url, hashes).catch(() => null); // the next visit tries again
    if (response) await cache.put(url, response);
  }
}

/** The hashes of this build's files: the page has those of what it runs, site.json those of the page and of the rest. */
async function hashesOf({ hashes = {} }, page) {
  const named = (await page.clone().text()).matchAll(/ (?:src|href)="([^"]+)" integrity="sha256-([\w+/=]+)/g);
  const hex = (text) => Array.from(atob(text), (byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  return { ...hashes, ...Object.fromEntries(Array.from(named, ([, file, hash]) => [file, hex(hash)])) };
}

async function sha256(response) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', await response.clone().arrayBuffer()));
}

/** A file of this build: an upload that is half done has others beside it, and those wait for the next attempt. */
async function expected(url, hashes) {
  // the page's files were just fetched for the page, and the hash tells whether a copy is right
  const copy = url !== site && (await right(url, hashes, 'force-cache').catch(() => null));
  return copy || right(url, hashes, 'no-cache');
}

async function right(url, hashes, cache) {
  const response = await fetch(new Request(url, { cache }));
  if (!whole(response))
    throw new Error(
      `${url}: expected the file, got ${response.status}${response.redirected ? ' and another address' : ''}`,
    );
  if (url === site) return response;
  const name = url.slice(base.length) || 'index.html';
  const wanted = Object.hasOwn(hashes, name) && hashes[name];
  const got = Array.from(await sha256(response), (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (got !== wanted) throw new Error(`${url}: expected sha256 ${wanted}, got ${got}`);
  return response;
}

async function clear() {
  for (const name of await caches.keys())
    if (name.startsWith(`${prefix}shell `) && name !== shellName) await caches.delete(name);
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
    if (!keeps(mine(url) ?? '') || (await cache.match(url))) continue;
    const response = await fetch(url).catch(() => null);
    if (response) await store(url, response);
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

addEventListener('fetch', (event) => {
  const { request } = event;
  const path = mine(request.url);
  if (request.method !== 'GET' || path === null || new URL(request.url).searchParams.has('fresh')) return;
  if (request.mode === 'navigate') {
    if (['', 'index.html'].includes(path)) event.respondWith(navigate(event));
  } else if (manifest.test(path)) event.respondWith(networkFirst(request));
  else if (photo.test(path)) event.respondWith(cacheFirst(request));
  else event.respondWith(shell(request, path));
});

// ---- pages ------------------------------------------------------------------------------------------------------

/** What the network says of the page within the time that a visitor waits, or null. */
function soon(asked, ms) {
  return Promise.race([asked.catch(() => null), new Promise((resolve) => setTimeout(resolve, ms, null))]);
}

/** The page's own address, without the query, in which an older link has the visitor's words. */
function addressed(request) {
  const { origin, pathname, search } = new URL(request.url);
  // As a browser asks for a page: it follows redirects itself.
  return search ? new Request(origin + pathname, { redirect: 'manual', credentials: 'same-origin' }) : request;
}

async function navigate(event) {
  const cached = await (await caches.open(shellName)).match(index);
  const asked = fetch(addressed(event.request));
  if (!cached) return judged(event, await asked);
  // A host in trouble is no host: 5xx, and 429 of one that has too much to do.
  const response = navigator.onLine === false ? null : await soon(asked, patience);
  asked.then(
    (late) => look(late),
    () => {},
  ); // also what came too late is looked at
  event.waitUntil(asked.catch(() => {}));
  if (!response || response.status >= 500 || response.status === 429) return isolated(cached);
  return judged(event, response, cached);
}

/** Our page with what threads need; anything else as it came. While a site is uploaded its page may be missing for a moment. */
async function judged(event, response, cached) {
  if (await isOurs(response)) return isolated(response);
  const gone = look(response);
  event.waitUntil(gone);
  if ([404, 410].includes(response.status) && cached && !(await gone)) return isolated(cached);
  return response;
}

async function isOurs(response) {
  return whole(response) && typed(response, 'text/html') && /\sdata-vitrine[\s>]/.test(await response.clone().text());
}

/**
 * Takes this worker and its copies away once the site is gone, and says whether it is. Proof is needed twice: the page is
 * missing or another, *and* the host itself answers 404 or 410 for site.json. A captive portal, a filter or a log-in
 * answers every address with a page of its own, or with a redirect, and a host in trouble with 5xx: none says 404 for that
 * file. Then nothing is removed, and what came is shown as it is. A visitor's own photos are never touched from here.
 */
async function look(response) {
  if (response.status >= 500 || response.type === 'opaqueredirect' || (await isOurs(response))) return false;
  if (![200, 404, 410].includes(response.status)) return false;
  const answer = await fetch(site, { cache: 'no-store', redirect: 'manual' }).catch(() => null);
  if (![404, 410].includes(answer?.status)) return false;
  forgetting = true;
  await registration.unregister();
  for (const name of await caches.keys()) if (name.startsWith(prefix)) await caches.delete(name);
  return true;
}

// ---- files ------------------------------------------------------------------------------------------------------

/** Whether a copy is what is asked for: pages name the hash of what they run, and a newer page wants newer files. */
async function fits(request, cached) {
  const wanted = request.integrity.match(/sha256-[\w+/=]+/g);
  if (!wanted) return true;
  return wanted.includes(`sha256-${btoa(String.fromCharCode(...(await sha256(cached))))}`);
}

/** The kept file, for a page of this build; another page, whatever it is, gets its files from the network. */
async function shell(request, path) {
  const other = path === 'site.json' && ![null, version].includes(new URL(request.url).searchParams.get('v'));
  const cached = other ? null : await (await caches.open(shellName)).match(request, { ignoreSearch: true });
  return cached && (await fits(request, cached)) ? isolated(cached) : fetch(request);
}

/** What is kept as it was seen: the manifests, and the photos that the catalog names. */
const keeps = (path) => manifest.test(path) || photo.test(path);

/** Whether an answer is of the kind that its address promises: no error, nor a page in place of a photo or manifest. */
async function fitting(path, response) {
  if (!whole(response)) return false;
  if (photo.test(path)) return typed(response, 'image/');
  const { format } =
    (await response
      .clone()
      .json()
      .catch(() => null)) ?? {};
  return format === (path.startsWith('catalog/') ? 'vitrine-catalog' : 'vitrine-model');
}

async function store(href, response) {
  const path = mine(href);
  if (forgetting || !keeps(path) || !(await fitting(path, response))) return;
  // A full disk must not take the answer away.
  await (await caches.open(seenName)).put(href, response).catch(() => null);
}

async function cacheFirst(request) {
  const cached = await (await caches.open(seenName)).match(request.url);
  if (cached) return cached;
  const response = await fetch(request);
  await store(request.url, response.clone());
  return response;
}

async function networkFirst(request) {
  const kept = async () => (await caches.open(seenName)).match(request.url);
  try {
    const response = await fetch(request);
    const path = mine(request.url);
    if (!(await fitting(path, response))) return (await kept()) ?? response;
    await store(request.url, response.clone());
    return response;
  } catch (error) {
    const cached = await kept();
    if (cached) return cached;
    throw error;
  }
}
