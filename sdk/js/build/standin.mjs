// Other names for WASI's interfaces with handles, while QuickJS is prepared.
//
// componentize-qjs runs the plugin's top level with a WASI of its own, which has no `wasi:http`: its streams then are not
// those that `wasi:http` speaks of, and nothing fits. So these packages are called `host:` until the component is there, and
// then get their names back. The version is another one than that of the engine's own imports, as no name may stand twice;
// for a host, all of 0.2 are one.

const PACKAGES = 'clocks|http|io';
const VERSION = '0.2.12';
const STANDIN_VERSION = '0.2.11';

const INTERFACE = new RegExp(`^wasi:(${PACKAGES})/(.*)@${VERSION}$`);
const IN_WIT = new RegExp(`wasi:(${PACKAGES})(/[a-z-]+)?@${VERSION}`, 'g');

/** The name under which a bundle imports an interface. */
export const standin = (name) => name.replace(INTERFACE, `host:$1/$2@${STANDIN_VERSION}`);

/** WIT in which the packages have their other names. */
export const standinWit = (text) => text.replace(IN_WIT, `host:$1$2@${STANDIN_VERSION}`);

const HEADER_BYTES = 8;
const IMPORTS = 10;

/** Gives a component's imports their real names, which are as long. */
export function withRealNames(component) {
  const bytes = Buffer.from(component);
  for (let at = HEADER_BYTES; at < bytes.length;) {
    const id = bytes[at];
    const [length, start] = leb128(bytes, at + 1);
    if (id === IMPORTS) rename(bytes.subarray(start, start + length));
    at = start + length;
  }
  return bytes;
}

function rename(section) {
  for (let at = section.indexOf('host:'); at >= 0; at = section.indexOf('host:', at + 1)) section.write('wasi:', at);
}

/** A number, and where it ends. */
function leb128(bytes, from) {
  let value = 0;
  let at = from;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at];
    at += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}
