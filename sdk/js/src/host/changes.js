export { listChanged, resourceUpdated } from 'toolyard:plugin/changes@0.1.0';
