#!/usr/bin/env node
import { launch } from './launch.mjs';

await launch(new URL('main.ts', import.meta.url), ({ main }) => main(process.argv.slice(2)));
