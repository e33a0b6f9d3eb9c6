// Runs in a thread of its own: in the worker's thread the probe would measure our own work, not the server.
import { parentPort, workerData } from 'node:worker_threads';
import { Redis } from 'ioredis';

const connections = workerData.asked.map(({ address: { db, ...address }, key }) => {
  const options = { protocol: 2, retryStrategy: () => null, connectionName: 'jday:impact' };
  const redis = new Redis({ ...address, ...options });
  redis.on('error', () => {});
  // As an option, a database that the server refuses would be database 0 without an error.
  const selected = db === 0 ? Promise.resolve() : redis.select(db);
  selected.catch(() => redis.disconnect());
  return { redis, key, selected };
});

async function timeOf({ redis, key, selected }) {
  try {
    await selected;
    const start = performance.now();
    await redis.getBuffer(key);
    return performance.now() - start;
  } catch {
    return null;
  }
}

parentPort?.on('message', () => {
  void Promise.all(connections.map(timeOf)).then((times) => parentPort?.postMessage(times));
});
