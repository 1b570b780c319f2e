// One JSON object a line on stdout: the language in which the drivers tell the test what they saw.
export function say(seen) {
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}
