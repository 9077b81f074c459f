// The photo that a tab searched with last outlives a reload of it, and nothing more.

const tabName = (base) => `vitrine photo ${new URL(base).pathname}`;
const mostOfTab = 2_000_000; // bytes; a tab's storage holds some five million characters

/** The tab remembers the photo that was searched with last, so that a reload does not lose it. */
export function keepInTab(base, key, bytes) {
  try {
    sessionStorage.removeItem(tabName(base));
    if (bytes.length > mostOfTab) return;
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
    sessionStorage.setItem(tabName(base), JSON.stringify({ key, photo: btoa(text) }));
  } catch {
    // storage is refused or full: the photo lasts as long as the page
  }
}

export function photoOfTab(base, key) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(tabName(base)) ?? 'null');
    return kept?.key === key ? Uint8Array.from(atob(kept.photo), (letter) => letter.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}
