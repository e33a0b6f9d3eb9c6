// Runs in a thread of its own: in the worker's thread the probe would measure our own work, not the server.
import { parentPort, workerData } from 'node:worker_threads';
import { Redis } from 'ioredis';

const connections = workerData.asked.map(({ url, key }) => {
  const redis = new Redis(url, { protocol: 2, retryStrategy: () => null, connectionName: 'jday:impact' });
  redis.on('error', () => {});
  return { redis, key };
});

async function timeOf({ redis, key }) {
  const start = performance.now();
  try {
    await redis.getBuffer(key);
    return performance.now() - start;
  } catch {
    return null;
  }
}

parentPort?.on('message', async () => {
  parentPort?.postMessage(await Promise.all(connections.map(timeOf)));
});
