// Promises whose jobs the SDK runs itself. QuickJS leaves its own jobs to the embedder, and componentize-qjs runs none
// in synchronous exports: a plugin's promises would never go on. The build turns `async` functions into generators over
// this class (see build/bundle.mjs).

const jobs = [];

/** Runs `job` when what runs now is done. */
export function enqueue(job) {
  jobs.push(job);
}

/** Runs all jobs, and those that they bring about. */
export function drain() {
  for (let next = 0; next < jobs.length; next += 1) jobs[next]();
  jobs.length = 0;
}

const PENDING = 0;
const FULFILLED = 1;
const REJECTED = 2;

export class Promise {
  #state = PENDING;
  #value;
  #reactions = [];

  constructor(executor) {
    if (typeof executor !== 'function') throw new TypeError('a promise is made with a function');
    const [resolve, reject] = this.#settlers();
    try {
      executor(resolve, reject);
    } catch (error) {
      reject(error);
    }
  }

  then(onFulfilled, onRejected) {
    return new Promise((resolve, reject) => {
      const fulfilled = typeof onFulfilled === 'function' ? guarded(onFulfilled, resolve, reject) : resolve;
      const rejected = typeof onRejected === 'function' ? guarded(onRejected, resolve, reject) : reject;
      this.#react(fulfilled, rejected);
    });
  }

  catch(onRejected) {
    return this.then(undefined, onRejected);
  }

  finally(onSettled) {
    if (typeof onSettled !== 'function') return this.then(onSettled, onSettled);
    return this.then(
      (value) => Promise.resolve(onSettled()).then(() => value),
      (reason) => Promise.resolve(onSettled()).then(() => { throw reason; }),
    );
  }

  /** A pair of functions of which the first to be called counts. */
  #settlers() {
    let done = false;
    const once = (settle) => (value) => {
      if (done) return;
      done = true;
      settle(value);
    };
    return [once((value) => this.#resolve(value)), once((reason) => this.#settle(REJECTED, reason))];
  }

  #resolve(value) {
    if (value === this) return this.#settle(REJECTED, new TypeError('a promise cannot wait for itself'));
    if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return this.#settle(FULFILLED, value);
    let then;
    try {
      then = value.then;
    } catch (error) {
      return this.#settle(REJECTED, error);
    }
    if (typeof then !== 'function') return this.#settle(FULFILLED, value);
    const [resolve, reject] = this.#settlers();
    return enqueue(() => {
      try {
        then.call(value, resolve, reject);
      } catch (error) {
        reject(error);
      }
    });
  }

  #settle(state, value) {
    this.#state = state;
    this.#value = value;
    for (const [fulfilled, rejected] of this.#reactions) this.#schedule(fulfilled, rejected);
    this.#reactions = [];
  }

  #react(fulfilled, rejected) {
    if (this.#state === PENDING) this.#reactions.push([fulfilled, rejected]);
    else this.#schedule(fulfilled, rejected);
  }

  #schedule(fulfilled, rejected) {
    const reaction = this.#state === FULFILLED ? fulfilled : rejected;
    enqueue(() => reaction(this.#value));
  }

  get [Symbol.toStringTag]() {
    return 'Promise';
  }

  static resolve(value) {
    return value instanceof Promise ? value : new Promise((resolve) => resolve(value));
  }

  static reject(reason) {
    return new Promise((_, reject) => reject(reason));
  }

  static withResolvers() {
    let resolve;
    let reject;
    const promise = new Promise((...settlers) => { [resolve, reject] = settlers; });
    return { promise, resolve, reject };
  }

  static try(work, ...args) {
    return new Promise((resolve) => resolve(work(...args)));
  }

  static race(values) {
    return new Promise((resolve, reject) => {
      for (const value of values) Promise.resolve(value).then(resolve, reject);
    });
  }

  static all(values) {
    return gathered(values, (one, index, keep, reject) => one.then((value) => keep(index, value), reject));
  }

  static allSettled(values) {
    return gathered(values, (one, index, keep) => one.then(
      (value) => keep(index, { status: 'fulfilled', value }),
      (reason) => keep(index, { status: 'rejected', reason }),
    ));
  }

  static any(values) {
    return gathered(values, (one, index, keep, found) => one.then(found, (reason) => keep(index, reason)), true);
  }
}

const guarded = (callback, resolve, reject) => (value) => {
  try {
    resolve(callback(value));
  } catch (error) {
    reject(error);
  }
};

/** Waits for all `values`; `each` says what is kept of one. With `any`, the first value wins and all reasons are kept. */
function gathered(values, each, any = false) {
  return new Promise((resolve, reject) => {
    const kept = [];
    let open = 1;
    const close = () => {
      open -= 1;
      if (open > 0) return;
      if (any) reject(new AggregateError(kept, 'all promises were rejected'));
      else resolve(kept);
    };
    const keep = (index, value) => {
      kept[index] = value;
      close();
    };
    let index = 0;
    for (const value of values) {
      open += 1;
      each(Promise.resolve(value), index, keep, any ? resolve : reject);
      index += 1;
    }
    close();
  });
}
