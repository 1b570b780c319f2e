/** Refuses what a definition does not know, so that a misspelt option is not ignored. */
export function known(options, about, whose) {
  const unknown = Object.keys(about).find((option) => !options.has(option));
  if (unknown !== undefined) throw new TypeError(`${whose} has no option \`${unknown}\`; there are ${[...options].join(', ')}`);
}
