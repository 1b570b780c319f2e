// What libraries do when a schema is first used, done before the component is written: it is a snapshot, and every call a first one.

const nothing = () => {};

/** Has the schemas of `tools` prepare themselves, by arguments that most of them refuse. No tool's function runs. */
export function prepare({ tools }) {
  for (const { decode } of tools) {
    try {
      const decoded = decode({});
      if (typeof decoded?.then === 'function') decoded.then(nothing, nothing);
    } catch {
      // What it makes of them is of no interest.
    }
  }
}
