#!/usr/bin/env node
// Runs the TypeScript as it stands. The tsconfig is named, because tsx would look for one in the caller's folder.
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

register({ tsconfig: fileURLToPath(new URL('../tsconfig.json', import.meta.url)) });
const { main } = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
