import { createServer, type ServerResponse } from 'node:http';
import type { Metrics } from './metrics.ts';

export type MetricsServer = { readonly port: number; close(): Promise<void> };

/** `why`: a word or a sentence. Every client of `/healthz` sees it, so it must hold no secret. */
export type Health = { readonly ready: boolean; readonly why: string };

/** Where `/metrics` and `/healthz` listen: an address of this machine, and a port (0 = any free port). */
export type MetricsPlace = { readonly port: number; readonly address: string };

/** The answers need no login, so by default only this machine gets them. */
export const LOOPBACK = '127.0.0.1';

/**
 * Serves `/metrics` and `/healthz` (200 while ready, else 503). Other paths get 404.
 *
 * @throws MetricsPlaceUnusable
 */
export async function serveMetrics(
  metrics: Pick<Metrics, 'exposition' | 'contentType'>,
  { port, address }: MetricsPlace,
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
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new MetricsPlaceUnusable({ port, address }, error.code ?? error.name)),
    );
    server.listen(port, address, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // A scraper keeps its connection open. Without this line the server would wait for it and never close.
        server.closeAllConnections();
      }),
  };
}

/** `/metrics` cannot listen there. The message says which option to change. */
export class MetricsPlaceUnusable extends Error {
  override readonly name = 'MetricsPlaceUnusable';
  constructor({ port, address }: MetricsPlace, code: string) {
    const taken = `another process listens on port ${port} already: choose one with --metrics-port`;
    const foreign = `this machine does not listen on ${address} (${code}): correct --metrics-address`;
    super(`/metrics: ${code === 'EADDRINUSE' ? taken : foreign}`);
  }
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
