// SPDX-License-Identifier: Apache-2.0
import { useRef, useState, type ReactNode } from 'react'
import { Dialog, DialogTrigger, Popover, Radio, RadioGroup } from 'react-aria-components'
import type { PageQuery } from 'fasten/reader/remote'
import { exportRows, exportRowsMax, type ExportFormat } from '../../ask/export-rows.ts'
import type { Tally } from '../../ask/use-tally.ts'
import { Button } from '../../parts/button.tsx'
import { Failed } from '../../parts/state.tsx'
import menu from '../../parts/popover-menu.module.css'
import styles from './export-menu.module.css'

const streamWords = { audit: 'audit rows', sys: 'rows of the system log', api: 'API rows' } as const

type Going =
  | { readonly kind: 'not yet' }
  | { readonly kind: 'on its way'; readonly bytes: number }
  | { readonly kind: 'done'; readonly name: string; readonly bytes: number }
  | { readonly kind: 'failed'; readonly error: unknown }

/** What is asked for, as a file: the stream with the most room, its question, window and order. Says beforehand how many rows that is, and what of them is taken. */
export function ExportMenu({
  query,
  total,
}: {
  readonly query: PageQuery | null
  readonly total: Tally['total'] | undefined
}): ReactNode {
  const [format, setFormat] = useState<ExportFormat>('ndjson')
  const [going, setGoing] = useState<Going>({ kind: 'not yet' })
  const stop = useRef<AbortController | null>(null)
  const start = (asked: PageQuery): void => {
    const stopper = new AbortController()
    stop.current = stopper
    setGoing({ kind: 'on its way', bytes: 0 })
    exportRows(asked, format, exportRowsMax, {
      onBytes: (bytes) => setGoing({ kind: 'on its way', bytes }),
      signal: stopper.signal,
    }).then(
      ({ file, name }) => {
        save(file, name)
        setGoing({ kind: 'done', name, bytes: file.size })
      },
      (error: unknown) => setGoing(stopper.signal.aborted ? { kind: 'not yet' } : { kind: 'failed', error }),
    )
  }
  return (
    <DialogTrigger
      onOpenChange={(isOpen) => {
        if (isOpen && going.kind !== 'on its way') setGoing({ kind: 'not yet' })
      }}
    >
      <Button isDisabled={query === null}>Export</Button>
      <Popover placement="bottom end" className={`${menu['popover']} ${styles['popover']}`}>
        <Dialog className={styles['dialog'] ?? ''} aria-label="Export what is shown">
          {query === null ? null : (
            <>
              <p>{limitText(query, total)}</p>
              <RadioGroup
                className={styles['formats'] ?? ''}
                aria-label="Format"
                value={format}
                onChange={(value) => setFormat(value === 'csv' ? 'csv' : 'ndjson')}
              >
                <Radio value="ndjson" className={styles['format'] ?? ''}>
                  <strong>NDJSON</strong>
                  <span>One row a line, every member: good as evidence.</span>
                </Radio>
                <Radio value="csv" className={styles['format'] ?? ''}>
                  <strong>CSV</strong>
                  <span>A table for people; text that a spreadsheet would compute is made harmless.</span>
                </Radio>
              </RadioGroup>
              {going.kind === 'on its way' ? (
                <p role="status" className={styles['going']}>
                  {bytesText(going.bytes)} so far
                  <Button onPress={() => stop.current?.abort()}>Stop</Button>
                </p>
              ) : going.kind === 'failed' ? (
                <Failed error={going.error} onRetry={() => start(query)} />
              ) : (
                <>
                  {going.kind === 'done' ? (
                    <p role="status" className={styles['going']}>
                      {going.name}, {bytesText(going.bytes)}
                    </p>
                  ) : null}
                  <Button look="main" onPress={() => start(query)}>
                    Export
                  </Button>
                </>
              )}
              <p className={styles['told']}>An export is a read: the trail tells who took what.</p>
            </>
          )}
        </Dialog>
      </Popover>
    </DialogTrigger>
  )
}

function limitText({ stream, order }: PageQuery, total: Tally['total'] | undefined): string {
  const what = streamWords[stream]
  const most = exportRowsMax.toLocaleString('en')
  const first = order === 'oldest' ? 'oldest' : 'newest'
  if (typeof total?.total !== 'number')
    return `All ${what} of this question and window, the ${first} ${most} at most.`
  const count = total.total.toLocaleString('en')
  const about =
    total.total_kind === 'exact'
      ? count
      : `${total.total_kind === 'estimated' ? 'about' : 'more than'} ${count}`
  return total.total > exportRowsMax
    ? `The ${first} ${most} of ${about} ${what}. For all of them narrow the window, or use fasten export.`
    : `${about} ${what}, as of when they were counted; the ${first} ${most} at most.`
}

function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

function save(file: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  // The browser has taken hold of it by the next turn.
  setTimeout(() => URL.revokeObjectURL(link.href))
}
