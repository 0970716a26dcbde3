// How Redis is reached: one server, a master that sentinels name, or a cluster; what its faults mean; who stands behind the address.
export { impatientConnection, onReturnOf, patientConnection, type RedisConnection } from './connection.ts';
export { redisNodes, type RedisNode } from './nodes.ts';
export { redisAddress } from './place.ts';
export { isConnectionFault, isRefusal, redisFault } from './redis-fault.ts';
export { repeatedly } from './repeatedly.ts';
