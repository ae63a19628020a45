// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { parsePageQuery, type Reader } from 'fasten/reader/remote'
import { Link } from 'wouter'
import { nowMicros } from '../../ask/now.ts'
import { entityPath, kindsOf } from '../../model/entity.ts'
import { readInvestigation, writeInvestigation } from '../../model/investigation.ts'
import { PlainText } from '../../parts/plain-text.tsx'
import { Empty } from '../../parts/state.tsx'

/** Nothing is known of it under this kind: says what was looked for, and under which kinds rows do name it. */
export function NotNamed({
  kind,
  id,
  reader,
}: {
  readonly kind: string
  readonly id: string
  readonly reader: Reader
}): ReactNode {
  const found = useQuery({
    queryKey: ['entity-kinds', id],
    queryFn: async ({ signal }) => {
      const pages = await Promise.all(
        ['actor', 'target'].map((part) => {
          const search = new URLSearchParams({ [part]: id, limit: '500', total: 'none' })
          const asked = parsePageQuery(search, 'audit', nowMicros())
          if (!asked.ok) throw new TypeError(asked.problems[0]?.detail ?? 'this is no question')
          return reader.page(asked.value, signal)
        }),
      )
      const rows = new Map(pages.flatMap((page) => page.rows).map((row) => [row.id, row]))
      return kindsOf(
        [...rows.values()].filter((row) => row.stream === 'audit'),
        id,
      )
    },
  })
  const words = writeInvestigation({ ...readInvestigation(''), text: id, since: '-30d' })
  const kinds = found.data ?? []
  return (
    <Empty title="No row that you may see names it so">
      <p>
        Looked through audit rows of all time for{' '}
        <code>
          <PlainText>{`${kind}:${id}`}</PlainText>
        </code>
        , and for{' '}
        <code>
          <PlainText>{id}</PlainText>
        </code>{' '}
        with the kind <PlainText>{kind}</PlainText>.
      </p>
      {kinds.length === 0 ? null : (
        <>
          <p>Rows know it under another kind:</p>
          <ul>
            {kinds.map(({ kind: other, rows }) => (
              <li key={other}>
                <Link href={entityPath(`${other}:${id}`, other)}>
                  <PlainText>{`${other} ${id}`}</PlainText>
                </Link>
                {`, in ${rows === 1 ? '1 row' : `${rows.toLocaleString('en')} of the newest rows`}`}
              </li>
            ))}
          </ul>
        </>
      )}
      <p>
        <Link href={`/investigate${words}`}>Search 30 days for it</Link>
      </p>
      <p>Personal names may be sealed; whoever may disclose them finds their rows.</p>
    </Empty>
  )
}
