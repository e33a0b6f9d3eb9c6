import { spawn } from 'node:child_process';

/** Runs a program to its end and returns what it printed; a failure throws with the last lines of it. */
export function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let printed = '';
    const keep = (chunk) => {
      printed += chunk;
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => reject(new Error(`${program} cannot be run: ${error.code}`)));
    child.once('close', (code) => {
      if (code === 0) resolve(printed);
      else reject(new Error(`${program} ${args[0] ?? ''} failed: ${essence(printed)}`));
    });
  });
}

/** The lines that name the error; without any, the last ones. */
function essence(text) {
  const lines = text.split('\n').map((line) => line.trim());
  const errors = lines.filter((line) => /^(npm error|error|e:)\s*\S/i.test(line));
  return (errors.length > 0 ? errors.slice(0, 3) : lines.filter((line) => line !== '').slice(-3)).join(' / ');
}
