export { open } from 'wasi:keyvalue/store@0.2.0-draft2';
export { Cas, increment, swap } from 'wasi:keyvalue/atomics@0.2.0-draft2';
export { deleteMany, getMany, setMany } from 'wasi:keyvalue/batch@0.2.0-draft2';
