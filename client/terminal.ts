/** Where a verb writes and what it reads besides its options. */
export type Terminal = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A line of the answer itself. */
  out(line: string): void;
  /** A line beside the answer: what is being waited for, what went wrong. */
  note(line: string): void;
  /** One line that replaces itself; on something that is no terminal, a line like any other. */
  repaint(line: string): void;
  readonly interactive: boolean;
};

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
    out: (line) => {
      fresh();
      process.stdout.write(`${line}\n`);
    },
    note: (line) => {
      fresh();
      process.stderr.write(`${line}\n`);
    },
    repaint: (line) => {
      if (!interactive) process.stderr.write(`${line}\n`);
      else process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 200) - 1)}`);
      painted = interactive;
    },
  };
}
