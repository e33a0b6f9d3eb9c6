#!/usr/bin/env node
import { launch } from './launch.mjs';

await launch(async () => {
  const { main } = await import('./main.ts');
  return main(process.argv.slice(2));
});
