export { migration } from './migration.ts';
export { preflight } from './preflight.ts';
