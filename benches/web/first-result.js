// In the page before anything else: notes when the engine's first answer has been drawn.
new MutationObserver(() => {
  if (!globalThis.firstResult && document.querySelector('[data-part="results"][aria-busy="false"][data-kind="text"][data-by="engine"]')) {
    globalThis.firstResult = performance.now();
  }
}).observe(document, { subtree: true, childList: true, attributes: true });
