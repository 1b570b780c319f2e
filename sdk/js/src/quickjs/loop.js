// What a promise can wait for beside other promises: time, and the host. Only what fetch and timers bring in.

let wait;
let pending = () => false;

/** `ready()` waits until something happened; `waiting()` says whether anything can. */
export function install(ready, waiting) {
  wait = ready;
  pending = waiting;
}

/** Lets something happen. False: nothing ever will. */
export function turn() {
  if (!pending()) return false;
  wait();
  return true;
}
