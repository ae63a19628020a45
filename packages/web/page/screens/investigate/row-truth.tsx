// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState, useSyncExternalStore, type ReactNode } from 'react'
import type { Reader, ReaderRow } from 'fasten/reader/remote'
import { evidenceFrom } from '../../ask/evidence.ts'
import { Button } from '../../parts/button.tsx'
import { Failed } from '../../parts/state.tsx'
import { browserCrypto } from '../../truth/crypto.ts'
import { followPinnedKeys, pinKey, pinnedKeys, pinnedKeysText } from '../../truth/pinned-keys.ts'
import { proveRow } from '../../truth/prove-row.ts'
import { truthWords } from '../../truth/truth.ts'
import styles from './row-truth.module.css'

/** What this browser finds out about a row, step by step, and the way to believe a log's key. */
export function RowTruth({ row, reader }: { readonly row: ReaderRow; readonly reader: Reader }): ReactNode {
  const text = useSyncExternalStore(followPinnedKeys, pinnedKeysText)
  const pinned = useMemo(() => pinnedKeys(text), [text])
  const evidence = useMemo(() => evidenceFrom(reader, location.origin), [reader])
  const truth = useQuery({
    queryKey: ['truth', row.id, row.hash, text],
    queryFn: () => proveRow(row, { evidence, pinned, crypto: browserCrypto }),
    staleTime: Infinity,
  })
  const [isOpen, setOpen] = useState(false)
  if (truth.isPending)
    return (
      <p className={styles['asking']} role="status">
        Checking it here…
      </p>
    )
  if (truth.isError) return <Failed error={truth.error} onRetry={() => void truth.refetch()} />
  const { state, steps } = truth.data
  const isPinned = pinned.some(({ name }) => name === row.log)
  return (
    <section className={styles['truth']} data-state={state} aria-label="What this browser found out">
      <button
        type="button"
        className={styles['badge']}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <span className={styles['dot']} aria-hidden="true" />
        {truthWords[state].name}
        <span className={styles['more']} aria-hidden="true">
          ›
        </span>
      </button>
      {isOpen || state === 'broken' ? (
        <div className={styles['why']}>
          <p>{truthWords[state].means}</p>
          <ol className={styles['steps']}>
            {steps.map(({ name, outcome, told }) => (
              <li key={name} data-outcome={outcome}>
                <strong>{name}</strong> {outcomeWords[outcome]}: {told}
              </li>
            ))}
          </ol>
          {isPinned ? null : <PinOffer log={row.log} reader={reader} />}
        </div>
      ) : null}
    </section>
  )
}

const outcomeWords = { holds: 'holds', fails: 'does not hold', open: 'is open' } as const

/** The key that the log's first row names. It is the log's own word: whoever pins it should have heard it elsewhere, too. */
function PinOffer({ log, reader }: { readonly log: string; readonly reader: Reader }): ReactNode {
  const first = useQuery({
    queryKey: ['first', log],
    queryFn: () => reader.row({ log, monotonic_seq: 0 }),
    staleTime: Infinity,
  })
  const key = keyIn(first.data)
  if (key === undefined) return null
  return (
    <div className={styles['offer']}>
      <p>
        The first row of this log names the key <code>{key}</code>. Compare it with what{' '}
        <code>fasten keys</code> prints on the node before you believe it.
      </p>
      <Button onPress={() => void pinKey(key)}>Pin this key</Button>
    </div>
  )
}

function keyIn(row: unknown): string | undefined {
  const { detail, fields } = (row ?? {}) as Readonly<
    Record<string, Readonly<Record<string, unknown>> | undefined>
  >
  const key = (detail ?? fields)?.['public_key']
  return typeof key === 'string' ? key : undefined
}
