import { connect } from 'node:net';

/**
 * Records every command that a server runs, as MONITOR prints it. It uses a socket of its own, because a client library
 * may mix these lines with replies.
 */
export async function monitor(
  port: number,
  password?: string,
): Promise<{ lines(): readonly string[]; stop(): void }> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (data) => {
    text += String(data);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      if (password !== undefined) socket.write(`AUTH default ${password}\r\n`);
      socket.write('MONITOR\r\n', () => resolve());
    });
  });
  return {
    lines: () => text.split('\r\n').filter((line) => /^\+?\d+\.\d+ \[/.test(line)),
    stop: () => socket.destroy(),
  };
}
