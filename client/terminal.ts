/** The outputs of a verb, and the environment that it reads besides its options. Each output takes one line. */
export type Terminal = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Prints a line of the answer, on stdout. */
  out(line: string): void;
  /** Prints a line beside the answer, on stderr: what the verb waits for, or what went wrong. */
  note(line: string): void;
  /** Shows one line that replaces the one before it. Without a terminal it prints the line like any other. */
  repaint(line: string): void;
  /** Somebody reads stderr on a screen. */
  readonly interactive: boolean;
  /** Another program reads stdout. */
  readonly piped: boolean;
};

/**
 * Control characters, and characters that turn the direction of the text or break a line. A terminal takes them for
 * commands: it would hide what stands there, show something else, or put text into the input of the shell.
 */
const CONTROL = new RegExp(
  '[\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]',
  'g',
);

/**
 * Returns a line that a terminal can only show. Names and reasons come from whoever may write to a store or to Temporal.
 * A control character becomes `\uXXXX`, so in a line of JSON it still means the same.
 */
export function forTerminal(line: string): string {
  return line.replace(CONTROL, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export function processTerminal(): Terminal {
  const interactive = process.stderr.isTTY === true;
  let painted = false;
  const fresh = () => {
    if (painted) process.stderr.write('\n');
    painted = false;
  };
  return {
    environment: process.env,
    interactive,
    piped: process.stdout.isTTY !== true,
    out: (line) => {
      fresh();
      process.stdout.write(`${forTerminal(line)}\n`);
    },
    note: (line) => {
      fresh();
      process.stderr.write(`${forTerminal(line)}\n`);
    },
    repaint: (line) => {
      if (!interactive) process.stderr.write(`${forTerminal(line)}\n`);
      else process.stderr.write(`\r\x1b[K${forTerminal(line).slice(0, (process.stderr.columns ?? 200) - 1)}`);
      painted = interactive;
    },
  };
}
