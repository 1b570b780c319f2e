// What the drivers of the TypeScript clients have in common: the work they are given, and how they tell what they saw.

// One JSON object a line on stdout: the language in which the drivers talk to the test.
export function say(seen) {
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}

// Does all of the work with a client, which both generations spell nearly alike. `client` says how they differ.
export async function drive(work, client) {
  say({ tools: (await client.listTools()).map((tool) => tool.name) });
  for (const call of work.calls) {
    const progress = [];
    const result = await client.callTool(call, { onprogress: (report) => progress.push(report.progress) });
    say({ called: call.name, isError: result.isError ?? false, structured: result.structuredContent, content: result.content, progress });
  }
  for (const feature of work.features) say({ did: feature, seen: await features[feature](work, client) });
}

const features = {
  async list(work, client) {
    const { prompts } = await client.raw.listPrompts();
    const { resources } = await client.raw.listResources();
    const { resourceTemplates } = await client.raw.listResourceTemplates();
    return {
      prompts: prompts.map((prompt) => prompt.name),
      resources: resources.map((resource) => resource.uri),
      templates: resourceTemplates.map((template) => template.uriTemplate),
    };
  },
  async call(work, client) {
    return textOf(await client.callTool(work.call));
  },
  async read(work, client) {
    const seen = [];
    for (const uri of work.read) {
      const [contents] = (await client.raw.readResource({ uri })).contents;
      seen.push(contents.text ?? contents.blob);
    }
    return seen;
  },
  async prompt(work, client) {
    return (await client.raw.getPrompt(work.prompt)).messages[0].content.text;
  },
  async complete(work, client) {
    const { prompt, argument, value } = work.complete;
    const ref = { type: 'ref/prompt', name: prompt };
    return (await client.raw.complete({ ref, argument: { name: argument, value } })).completion.values;
  },
  async elicit(work, client) {
    return textOf(await client.callTool(work.elicit.call));
  },
  async progress(work, client) {
    const seen = [];
    await client.callTool(work.progress, { onprogress: (report) => seen.push(report.progress) });
    return seen;
  },
  async cancel(work, client) {
    const stop = new AbortController();
    // As soon as the tool says that it runs.
    const call = client.callTool(work.cancel.slow, { onprogress: () => stop.abort('enough'), signal: stop.signal });
    const ended = await call.then(() => 'answered', () => 'cancelled');
    // There is room for one call only: this is answered when the other has left.
    await client.callTool(work.cancel.fast);
    return ended;
  },
  async subscribe(work, client) {
    // The same may be said twice.
    const heard = new Set();
    let all;
    const everything = new Promise((resolve) => (all = resolve));
    const end = await client.subscribe(work.subscribe.uri, (method) => {
      heard.add(method);
      if (heard.size === work.subscribe.tools.length) all();
    });
    for (const name of work.subscribe.tools) await client.callTool({ name, arguments: {} });
    await Promise.race([everything, late(() => `heard only of ${[...heard]}`)]);
    await end();
    return [...heard].sort();
  },
};

// Fails after a minute; the process does not stay for that.
function late(what) {
  return new Promise((_, reject) => setTimeout(() => reject(new Error(what())), 60_000).unref());
}

function textOf(result) {
  return result.content[0].text;
}
