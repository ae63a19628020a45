// SPDX-License-Identifier: Apache-2.0
import { useState, type ReactNode } from 'react'
import {
  bytesText,
  chainWords,
  clockText,
  standingOf,
  type LogFacts,
  type NodeFacts,
} from '../../model/nodes.ts'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import styles from './nodes.module.css'

/** One node; its logs when it is opened. */
export function NodeLine({ node }: { readonly node: NodeFacts }): ReactNode {
  const [isOpen, setOpen] = useState(false)
  const { source_node_id, service_id, chain, revoked_at, last_seen_at, lag, clock, spool, software, logs } =
    node
  return (
    <>
      <tr data-standing={standingOf(node)}>
        <th scope="row">
          <button
            type="button"
            className={styles['open']}
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          >
            <span className={styles['dot']} aria-hidden="true" />
            <PlainText>{source_node_id}</PlainText>
            {service_id === null ? null : (
              <span className={styles['service']}>
                <PlainText>{service_id}</PlainText>
              </span>
            )}
          </button>
        </th>
        <td className={styles['chain']}>{revoked_at === null ? chainWords[chain] : 'revoked'}</td>
        <td>{last_seen_at === null ? 'never' : <Moment at={last_seen_at} />}</td>
        <td className={styles['number']}>
          {lag.rows === 0 ? '–' : `${lag.rows.toLocaleString('en')} rows, ${lag.seconds} s`}
        </td>
        <td className={styles['number']}>{clockText(clock)}</td>
        <td className={styles['number']}>
          {spool === null ? '–' : <Spool rows={spool.rows} bytes={spool.bytes} bytesMax={spool.bytes_max} />}
        </td>
        <td className={styles['soft']}>{software === null ? '–' : <PlainText>{software}</PlainText>}</td>
      </tr>
      {isOpen ? (
        <tr>
          <td colSpan={7} className={styles['inner']}>
            <Logs logs={logs} />
          </td>
        </tr>
      ) : null}
    </>
  )
}

function Spool({
  rows,
  bytes,
  bytesMax,
}: {
  readonly rows: number
  readonly bytes: number
  readonly bytesMax: number | null
}): ReactNode {
  const share = bytesMax === null || bytesMax === 0 ? null : Math.min(1, bytes / bytesMax)
  return (
    <span className={styles['spool']}>
      {rows === 0 ? 'empty' : `${rows.toLocaleString('en')} rows, ${bytesText(bytes)}`}
      {share === null || rows === 0 ? null : (
        <meter
          className={styles['meter']}
          min={0}
          max={1}
          high={0.8}
          value={share}
          aria-label="How full the spool is"
        >
          {Math.round(share * 100)}%
        </meter>
      )}
    </span>
  )
}

function Logs({ logs }: { readonly logs: readonly LogFacts[] }): ReactNode {
  if (logs.length === 0) return <p className={styles['soft']}>No log of it is here yet.</p>
  return (
    <table className={styles['table']}>
      <thead>
        <tr>
          <th scope="col">Log</th>
          <th scope="col" className={styles['number']}>
            At the node
          </th>
          <th scope="col" className={styles['number']}>
            Here
          </th>
          <th scope="col" className={styles['number']}>
            Signed
          </th>
          <th scope="col">Chain</th>
        </tr>
      </thead>
      <tbody>
        {logs.map(({ log, node_size, size, signed_size, chain }) => (
          <tr key={log} data-standing={chain === 'forked' ? 'bad' : 'good'}>
            <th scope="row">
              <code>
                <PlainText>{log}</PlainText>
              </code>
            </th>
            <td className={styles['number']}>{node_size === null ? '–' : node_size.toLocaleString('en')}</td>
            <td className={styles['number']}>{size.toLocaleString('en')}</td>
            <td className={styles['number']}>{signed_size.toLocaleString('en')}</td>
            <td className={styles['chain']}>{chainWords[chain]}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
