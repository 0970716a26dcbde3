// What Prometheus scrapes: a status, spelt as gauges and counters.
export { METRICS_CONTENT_TYPE, prometheusText } from './prometheus.ts';
