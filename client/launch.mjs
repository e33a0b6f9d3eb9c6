// Starts every command of jday. tsx runs the TypeScript as it is; nothing is built.
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';

/** @param {() => Promise<number>} command resolves to the exit code */
export async function launch(command) {
  // The tsconfig is named explicitly, because tsx would look for one in the caller's folder.
  register({ tsconfig: fileURLToPath(new URL('../tsconfig.json', import.meta.url)) });
  endWithoutReader();
  process.exitCode = await command();
}

/** 128 + SIGPIPE: what a shell reports of a program whose reader went away. No code of a verb means that. */
const NO_READER = 141;

/**
 * A reader such as `head` may close the pipe. No output can reach it any more, so the process ends without a word. If it
 * closes in order at SIGTERM, as a worker and a rehearsal do, it gets that signal.
 */
function endWithoutReader() {
  let ending = false;
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error) => {
      if (error.code !== 'EPIPE') throw error;
      // Each further line fails too. Only the first failure counts, because a second signal would stop the closing
      // halfway.
      if (ending) return;
      ending = true;
      if (process.listenerCount('SIGTERM') === 0) process.exit(NO_READER);
      process.kill(process.pid, 'SIGTERM');
    });
}
