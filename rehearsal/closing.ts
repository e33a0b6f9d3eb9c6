type Close = () => Promise<unknown> | unknown;

/** What was started, so that it can be stopped, newest first, whatever happened in between. */
export type Closing = {
  /** Something that came up only after the end is stopped at once. */
  add(close: Close): void;
  /** Stops everything; one that fails does not keep the others alive. */
  close(): Promise<void>;
};

export function createClosing(): Closing {
  const open: Close[] = [];
  let closed = false;
  const end = async (close: Close) => void (await Promise.allSettled([(async () => close())()]));
  return {
    add: (close) => {
      if (closed) void end(close);
      else open.push(close);
    },
    close: async () => {
      closed = true;
      for (let close = open.pop(); close; close = open.pop()) await end(close);
    },
  };
}
