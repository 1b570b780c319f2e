export { report } from 'toolyard:plugin/progress@0.1.0';
