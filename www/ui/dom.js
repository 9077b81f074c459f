// Elements are made here and nowhere from strings: text reaches the page as text, whatever a catalog holds.

export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'class') node.className = value;
    else if (name === 'on')
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === 'data') Object.assign(node.dataset, value);
    // Custom properties go through the object model, which the page's policy allows where a style attribute is refused.
    else if (name === 'css')
      for (const [property, text] of Object.entries(value)) node.style.setProperty(property, text);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A link target from a catalog is followed only where it is an ordinary web address. */
export function safeLink(text) {
  if (typeof text !== 'string') return null;
  try {
    const url = new URL(text);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : null;
  } catch {
    return null;
  }
}

/** Only a plain hex colour from a catalog reaches a style. */
export const safeColour = (text) => (/^#[0-9a-f]{6}$/i.test(text ?? '') ? text : null);

const drawings = {
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.3 15.3 20 20',
  close: 'M6.5 6.5l11 11M17.5 6.5l-11 11',
  photo:
    'M5.5 4.5h13a1.5 1.5 0 0 1 1.5 1.5v12a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18V6a1.5 1.5 0 0 1 1.5-1.5M4.5 16.5l4.2-4.4 3.3 3.2 3-2.8 4.5 4.2M15.6 8.2a1.1 1.1 0 1 0 0 2.2 1.1 1.1 0 0 0 0-2.2',
  camera:
    'M8.2 7.5 9.6 5.2h4.8l1.4 2.3h2.7A1.5 1.5 0 0 1 20 9v8.5a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5V9a1.5 1.5 0 0 1 1.5-1.5zM12 9.8a3.3 3.3 0 1 0 0 6.6 3.3 3.3 0 0 0 0-6.6',
  similar:
    'M8 8.2h8.3A1.7 1.7 0 0 1 18 9.9v8.4a1.7 1.7 0 0 1-1.7 1.7H8a1.7 1.7 0 0 1-1.7-1.7V9.9A1.7 1.7 0 0 1 8 8.2M9 5.1h9.5A2.5 2.5 0 0 1 21 7.6v8.4',
  but: 'M4 20l1-4.2L15.7 5.1a1.8 1.8 0 0 1 2.5 0l.7.7a1.8 1.8 0 0 1 0 2.5L8.2 19zM13.8 7.1l3.1 3.1',
  earlier: 'M12 4.5a7.5 7.5 0 1 1-7.1 5.1M4.5 4.8v4.8h4.8M12 8.2v4.1l2.8 1.7',
  crop: 'M7 3.5v13.5h13.5M3.5 7H17v13.5',
  left: 'M14.5 5.5 8 12l6.5 6.5',
  right: 'M9.5 5.5 16 12l-6.5 6.5',
  filters:
    'M4 7.5h9M17.5 7.5H20M4 16.5h2.5M11 16.5h9M15.2 5.2a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6M8.8 14.2a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6',
  share: 'M12 14.5V4M8.5 7 12 3.5 15.5 7M6 11.5V18a1.5 1.5 0 0 0 1.5 1.5h9A1.5 1.5 0 0 0 18 18v-6.5',
  out: 'M9 6.5H6.5A1.5 1.5 0 0 0 5 8v9.5A1.5 1.5 0 0 0 6.5 19H16a1.5 1.5 0 0 0 1.5-1.5V15M13 5h6v6M19 5l-8.5 8.5',
};

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'icon');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', drawings[name]);
  svg.append(path);
  return svg;
}
