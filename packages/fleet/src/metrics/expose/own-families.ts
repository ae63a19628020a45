// SPDX-License-Identifier: Apache-2.0
import type { Pool } from 'pg'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Family } from './family.ts'

/** What this process and the fleet's counting are like, from the database and from Node.js. For those who see all tenants: sums are of all of them. */
export function createOwnFamilies(pool: Pick<Pool, 'query'>): () => Promise<readonly Family[]> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return async () => {
    const { rows } = await pool.query<
      Record<'stream' | 'stored' | 'position' | 'counted' | 'untimed' | 'too_late' | 'age', string>
    >(
      `SELECT r.stream, c.value AS stored, r.position, r.counted, r.untimed, r.too_late,
        CASE WHEN c.value > r.position THEN extract(epoch FROM clock_timestamp() - r.moved_at) ELSE 0 END AS age
        FROM fleet_red_cursors r JOIN fasten_counters c ON c.name = 'position' ORDER BY r.stream`,
    )
    const { rows: others } = await pool.query<{ other: string }>(
      'SELECT coalesce(sum(other), 0) AS other FROM fleet_red_days',
    )
    const { rows: looks } = await pool.query<{
      logs: string
      failed: string
      rows: string
      stored: string
      oldest: string
    }>(
      `SELECT count(*) AS logs, count(*) FILTER (WHERE v.state ->> 'verdict' = 'FAIL') AS failed,
        coalesce(sum((v.state ->> 'next')::numeric), 0) AS rows, coalesce(sum(l.size), 0) AS stored,
        coalesce(extract(epoch FROM clock_timestamp() - min((v.state ->> 'ended_at')::timestamptz)), 0) AS oldest
        FROM fasten_logs l LEFT JOIN fleet_verification v USING (log)`,
    )
    const looked = (name: keyof (typeof looks)[number]): Family['samples'] => [
      { labels: {}, value: Number(looks[0]?.[name] ?? 0) },
    ]
    const each = (name: keyof (typeof rows)[number]) =>
      rows.map((row) => ({ labels: { stream: row.stream }, value: Number(row[name]) }))
    const node = await Promise.all(
      (await registry.getMetricsAsJSON()).map(async ({ name, help, type, values }): Promise<Family> => {
        return { name, help, type: String(type) as Family['type'], samples: values.map(sampleOf) }
      }),
    )
    return [
      {
        name: 'fleet_stored_rows_total',
        type: 'counter',
        help: 'Rows stored in all streams since the fleet began.',
        samples: [{ labels: {}, value: Number(rows[0]?.stored ?? 0) }],
      },
      {
        name: 'fleet_follower_position',
        type: 'gauge',
        help: 'Every row up to this position is counted.',
        samples: each('position'),
      },
      {
        name: 'fleet_follower_lag_rows',
        type: 'gauge',
        help: 'Positions of all streams that the counting has not passed.',
        samples: rows.map(({ stream, stored, position }) => ({
          labels: { stream },
          value: Number(stored) - Number(position),
        })),
      },
      {
        name: 'fleet_follower_lag_seconds',
        type: 'gauge',
        help: 'Since the counting last moved, while there is something to count.',
        samples: each('age'),
      },
      {
        name: 'fleet_follower_counted_rows_total',
        type: 'counter',
        help: 'Rows in buckets.',
        samples: each('counted'),
      },
      {
        name: 'fleet_follower_untimed_rows_total',
        type: 'counter',
        help: 'Rows that are in no bucket because their time cannot be read.',
        samples: each('untimed'),
      },
      {
        name: 'fleet_follower_late_rows_total',
        type: 'counter',
        help: 'Rows older than what is kept: counted here and nowhere else in time.',
        samples: each('too_late'),
      },
      {
        name: 'fleet_red_other_rows',
        type: 'gauge',
        help: 'Rows of the days that are kept which went under (other), because their day had used up its names.',
        samples: [{ labels: {}, value: Number(others[0]?.other ?? 0) }],
      },
      {
        name: 'fleet_logs',
        type: 'gauge',
        help: 'Logs that are kept, the fleet’s own included.',
        samples: looked('logs'),
      },
      {
        name: 'fleet_verification_failed_logs',
        type: 'gauge',
        help: 'Logs that the verification in the background found to be other than what was taken.',
        samples: looked('failed'),
      },
      {
        name: 'fleet_verification_lag_rows',
        type: 'gauge',
        help: 'Rows of all logs that the verification in the background has not reached.',
        samples: looks.map(({ stored, rows: verified }) => ({
          labels: {},
          value: Math.max(0, Number(stored) - Number(verified)),
        })),
      },
      {
        name: 'fleet_verification_oldest_seconds',
        type: 'gauge',
        help: 'Since the end of the verification that lies back longest; a log is begun anew after a day.',
        samples: looked('oldest'),
      },
      ...node,
    ]
  }
}

function sampleOf(value: {
  readonly value: number
  readonly labels: Readonly<Partial<Record<string, string | number>>>
  readonly metricName?: string
}): Family['samples'][number] {
  const labels = Object.fromEntries(
    Object.entries(value.labels).flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])),
  )
  return { labels, value: value.value, ...(value.metricName === undefined ? {} : { name: value.metricName }) }
}
