// SPDX-License-Identifier: Apache-2.0
import { useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { durationText } from 'fasten/reader/remote'
import {
  sorted,
  type RateAnswer,
  type RateExemplar,
  type RateGroup,
  type RateView,
  type SortName,
} from '../../model/rates.ts'
import { PlainText } from '../../parts/plain-text.tsx'
import styles from './rate-table.module.css'

const columns: readonly (readonly [SortName, string])[] = [
  ['requests', 'Requests'],
  ['client_errors', '4xx'],
  ['errors', '5xx'],
  ['error_share', '5xx share'],
  ['p50_us', 'p50'],
  ['p95_us', 'p95'],
  ['p99_us', 'p99'],
]

/** Routes, each with its numbers and with requests to look at: the slowest, and the newest that failed. */
export function RateTable({
  answer,
  only,
  onOnly,
}: {
  readonly answer: RateAnswer
  readonly only: RateView['only']
  readonly onOnly: (only: RateView['only']) => void
}): ReactNode {
  const [by, setBy] = useState<SortName>('requests')
  return (
    <div className={styles['wrap']}>
      <table className={styles['table']}>
        <caption className={styles['caption']}>
          {answer.groups_left === 0 ? 'Routes' : `Routes; ${answer.groups_left} more are not shown`}
        </caption>
        <thead>
          <tr>
            <th scope="col">Service</th>
            <th scope="col">Route</th>
            {columns.map(([name, label]) => (
              <th
                key={name}
                scope="col"
                aria-sort={by === name ? 'descending' : 'none'}
                className={styles['number']}
              >
                <button type="button" className={styles['sort']} onClick={() => setBy(name)}>
                  {label}
                </button>
              </th>
            ))}
            <th scope="col" className={styles['number']}>
              Slowest
            </th>
            <th scope="col" className={styles['number']}>
              Newest 5xx
            </th>
            <td />
          </tr>
        </thead>
        <tbody>
          {sorted(answer.groups, by).map((each) => (
            <Line
              key={`${each.group.service} ${each.group.method} ${each.group.route}`}
              group={each}
              only={only}
              onOnly={onOnly}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Line({
  group: { group, requests, client_errors, errors, error_share, p50_us, p95_us, p99_us, exemplars },
  only,
  onOnly,
}: {
  readonly group: RateGroup
  readonly only: RateView['only']
  readonly onOnly: (only: RateView['only']) => void
}): ReactNode {
  const { service = '', method = '', route = '' } = group
  return (
    <tr data-failing={errors > 0}>
      <td>
        {only.service === undefined ? (
          <button type="button" className={styles['only']} onClick={() => onOnly({ service })}>
            <PlainText>{service}</PlainText>
          </button>
        ) : (
          <PlainText>{service}</PlainText>
        )}
      </td>
      <th scope="row" className={styles['route']}>
        <button type="button" className={styles['only']} onClick={() => onOnly({ service, method, route })}>
          <PlainText>{`${method} ${route}`}</PlainText>
        </button>
      </th>
      <td className={styles['number']}>{requests.toLocaleString('en')}</td>
      <td className={styles['number']} data-tone={client_errors > 0 ? 'warn' : undefined}>
        {client_errors === 0 ? '–' : client_errors.toLocaleString('en')}
      </td>
      <td className={styles['number']} data-tone={errors > 0 ? 'bad' : undefined}>
        {errors === 0 ? '–' : errors.toLocaleString('en')}
      </td>
      <td className={styles['number']}>
        {errors === 0 ? '–' : `${Number(((error_share ?? 0) * 100).toPrecision(2))}%`}
      </td>
      <td className={styles['number']}>{p50_us === null ? '–' : durationText(Math.round(p50_us))}</td>
      <td className={styles['number']}>{p95_us === null ? '–' : durationText(Math.round(p95_us))}</td>
      <td className={styles['number']}>{p99_us === null ? '–' : durationText(Math.round(p99_us))}</td>
      <td className={styles['number']}>
        <Exemplar of={exemplars.slowest} />
      </td>
      <td className={styles['number']}>
        <Exemplar of={exemplars.latest_error} />
      </td>
      <td />
    </tr>
  )
}

function Exemplar({ of }: { readonly of: RateExemplar | null }): ReactNode {
  return of === null ? (
    '–'
  ) : (
    <Link href={`/requests/${encodeURIComponent(of.request_id)}`} className={styles['exemplar'] ?? ''}>
      {durationText(of.duration_us)}
    </Link>
  )
}
