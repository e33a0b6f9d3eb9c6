import { Agent, get } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { createMetrics } from '../../monitoring/metrics.ts';
import { type Health, LOOPBACK, type MetricsServer, serveMetrics } from '../../monitoring/server.ts';

const HERE = { port: 0, address: LOOPBACK };

let server: MetricsServer | undefined;
let health: Health = { ready: true, why: 'polls' };

afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function ask(path: string): Promise<{ status: number; type: string | null; text: string }> {
  server ??= await serveMetrics(createMetrics(), HERE, () => health);
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    text: await response.text(),
  };
}

it('/metrics answers in the text format of Prometheus', async () => {
  const { status, type, text } = await ask('/metrics');
  expect(status).toBe(200);
  expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(text).toContain('# TYPE jday_process_cpu_seconds_total counter');
});

it('/healthz is 200 while ready and 503 with the reason while not', async () => {
  health = { ready: true, why: 'polls' };
  expect(await ask('/healthz')).toMatchObject({ status: 200, text: 'polls\n' });
  health = { ready: false, why: 'not polling' };
  expect(await ask('/healthz?probe=1')).toMatchObject({ status: 503, text: 'not polling\n' });
});

it('anything else is not found', async () => {
  expect(await ask('/')).toMatchObject({ status: 404 });
  expect(await ask('/metrics/x')).toMatchObject({ status: 404 });
});

it('metrics that cannot be collected are an error of the scrape, not of the worker', async () => {
  const broken = { contentType: 'text/plain', exposition: () => Promise.reject(new Error('no')) };
  server = await serveMetrics(broken, HERE, () => health);
  expect(await ask('/metrics')).toMatchObject({ status: 500 });
});

it('a port that is taken is told', async () => {
  await ask('/healthz');
  const there = { ...HERE, port: server?.port ?? 0 };
  await expect(serveMetrics(createMetrics(), there, () => health)).rejects.toThrow(
    /listens on port \d+ already: choose one with --metrics-port/,
  );
});

it('an address that this machine does not have is told', async () => {
  const elsewhere = { port: 0, address: '203.0.113.7' };
  await expect(serveMetrics(createMetrics(), elsewhere, () => health)).rejects.toThrow(
    /does not listen on 203\.0\.113\.7 \(\w+\): correct --metrics-address/,
  );
});

it('a scraper that keeps its connection open does not keep the server', async () => {
  const started = await serveMetrics(createMetrics(), HERE, () => health);
  const agent = new Agent({ keepAlive: true });
  await new Promise<void>((resolve, reject) => {
    get({ port: started.port, path: '/healthz', agent }, (response) => {
      response.resume().once('end', resolve);
    }).once('error', reject);
  });
  await started.close();
  agent.destroy();
  await expect(fetch(`http://127.0.0.1:${started.port}/healthz`)).rejects.toThrow();
});
