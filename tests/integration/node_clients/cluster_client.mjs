// Writes and reads through a cluster client of Node.js, and says how that went.
//
//   node cluster_client.mjs ioredis|node-redis SECONDS HOST:PORT...
//
// Prints {"operations", "errors": {MESSAGE: COUNT}, "quiet_ms", "wrong"}: what was done in that time and what failed,
// how long ago the last failure was at its end, and how many of the keys written and read after it were not as written.
import { Cluster } from 'ioredis';
import { createCluster } from 'redis';

const [kind, seconds, ...seeds] = process.argv.slice(2);
const WORKERS = 8;
const KEYS = 200;

async function connect() {
  const nodes = seeds.map((seed) => {
    const [host, port] = seed.split(':');
    return { host, port: Number(port) };
  });
  if (kind === 'ioredis') {
    const client = new Cluster(nodes);
    client.on('error', () => {}); // told by the calls that fail
    return { set: (k, v) => client.set(k, v), get: (k) => client.get(k), end: () => client.disconnect() };
  }
  const client = createCluster({ rootNodes: nodes.map((node) => ({ socket: node })) });
  client.on('error', () => {});
  await client.connect();
  return { set: (k, v) => client.set(k, v), get: (k) => client.get(k), end: () => client.disconnect() };
}

const client = await connect();
const report = { operations: 0, errors: {}, quiet_ms: 0, wrong: 0 };
const end = Date.now() + Number(seconds) * 1000;
let last_error = Date.now();

async function work(worker) {
  for (let i = worker; Date.now() < end; i += WORKERS) {
    try {
      await client.set(`key${i % KEYS}`, String(i));
      await client.get(`key${i % KEYS}`);
      report.operations += 2;
    } catch (error) {
      report.errors[error.message] = (report.errors[error.message] ?? 0) + 1;
      last_error = Date.now();
    }
  }
}

await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
report.quiet_ms = Date.now() - last_error;
for (let i = 0; i < KEYS; ++i) {
  await client.set(`key${i}`, `last ${i}`);
  if ((await client.get(`key${i}`)) !== `last ${i}`) ++report.wrong;
}
console.log(JSON.stringify(report));
await client.end();
process.exit(0);
