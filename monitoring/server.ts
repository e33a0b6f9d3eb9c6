import { createServer, type ServerResponse } from 'node:http';
import type { Metrics } from './metrics.ts';

export type MetricsServer = { readonly port: number; close(): Promise<void> };

/** `why` in a word or a sentence; it is shown to whoever asks, so nothing secret may stand in it (L12). */
export type Health = { readonly ready: boolean; readonly why: string };

/**
 * Serves `/metrics` and `/healthz` (200 while ready, else 503) on every interface; 404 for the rest.
 *
 * @param port 0 = any free one
 * @throws when the port is taken
 */
export async function serveMetrics(
  metrics: Pick<Metrics, 'exposition' | 'contentType'>,
  port: number,
  health: () => Health,
): Promise<MetricsServer> {
  const answer = async (path: string, response: ServerResponse): Promise<void> => {
    if (path === '/metrics') return end(response, 200, await metrics.exposition(), metrics.contentType);
    if (path !== '/healthz') return end(response, 404, 'not found\n');
    const { ready, why } = health();
    end(response, ready ? 200 : 503, `${why}\n`);
  };
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    answer(path, response).catch(() => end(response, 500, 'the metrics could not be collected\n'));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // A scraper keeps its connection open; it must not keep us.
        server.closeAllConnections();
      }),
  };
}

function end(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type });
  response.end(body);
}
