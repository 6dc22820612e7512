// The cluster of the tests is that of the benchmarks, which are part of the package.
export { NatsCluster, NO_SERVER } from '../../bench/harness/nats-cluster.js';
