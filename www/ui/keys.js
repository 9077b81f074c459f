// Names that come from outside (an address, a catalog, a page around an element) are looked up here.

/** What `object` itself holds under `name`, and never what every object inherits, such as `constructor`. */
export const held = (object, name) => (object && Object.hasOwn(object, name) ? object[name] : undefined);
