// Files that not every visit needs come when they are first used. `vitrine site` lists them in the page with their
// hashes (<link rel="later">), which import() has no place for; a page around the element lists none.

/** Makes sure that the listed files whose names start so are here, and are those that this build was made with. */
export async function vouched(start) {
  if (typeof document === 'undefined') return;
  await Promise.all(Array.from(document.querySelectorAll(`link[rel="later"][href^="ui/${start}"]`), arrived));
}

function arrived(link) {
  const rel = link.getAttribute('href').endsWith('.css') ? 'stylesheet' : 'modulepreload';
  if (!link.relList.supports(rel)) return null; // an older browser, which fetches it without the check
  return new Promise((resolve, reject) => {
    link.onload = resolve;
    link.onerror = () => {
      const again = link.cloneNode();
      again.rel = 'later';
      link.replaceWith(again);
      reject(Object.assign(new Error(`fetching ${link.href}: expected the file that this page was built with`), { code: 'later', details: { file: link.getAttribute('href') } }));
    };
    link.rel = rel;
  });
}
