// SPDX-License-Identifier: Apache-2.0
import { Registry, type Counter, type RegistryContentType } from 'prom-client'

/** One metric with all that is exposed of it. */
export interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary'
  readonly help: string
  readonly samples: readonly Sample[]
}

export interface Sample {
  /** Where it is not the family's own, as of the buckets of a histogram. */
  readonly name?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly exemplar?: {
    readonly labelSet: Readonly<Record<string, string>>
    readonly value: number
    /** Seconds since the epoch. */
    readonly timestamp: number
  }
}

export interface Exposition {
  readonly contentType: string
  readonly text: string
}

/** The families as Prometheus or, with exemplars, OpenMetrics spell them. */
export async function exposed(
  families: readonly Family[],
  format: 'prometheus' | 'openmetrics',
): Promise<Exposition> {
  const contentType =
    format === 'openmetrics' ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE
  const registry = new Registry<RegistryContentType>()
  registry.setContentType(contentType)
  for (const family of families) registry.registerMetric(asMetric(family))
  return { contentType, text: await registry.metrics() }
}

/** Values that are known already: of a metric, a registry asks no more than its name and what `get` answers. */
function asMetric({ name, type, help, samples }: Family): Counter {
  const metric = {
    name,
    help,
    type,
    async get() {
      return {
        name: this.name,
        help,
        type,
        aggregator: 'sum',
        values: samples.map(({ name: metricName, ...sample }) =>
          metricName === undefined ? sample : { ...sample, metricName },
        ),
      }
    },
  }
  return metric as unknown as Counter
}
