import { granted } from './grants.js';

export const get = (key) => granted().config[key];
export const getAll = () => Object.entries(granted().config);
