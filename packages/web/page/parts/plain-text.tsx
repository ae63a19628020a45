// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { visiblePieces } from '../model/visible-text.ts'
import styles from './plain-text.module.css'

/**
 * Text from a row, as data: a character that would act, hide or reorder is shown by its name, and the whole is isolated from the
 * direction of the text around it, so that no row can change how another one reads.
 */
export function PlainText({ children }: { readonly children: string }): ReactNode {
  const pieces = visiblePieces(children)
  const [only] = pieces
  if (pieces.length === 1 && only !== undefined && 'text' in only) return <bdi>{only.text}</bdi>
  return (
    <bdi>
      {pieces.map((piece, index) =>
        'text' in piece ? (
          piece.text
        ) : (
          // Pieces have no identity but their place, and never move.
          <span key={index} className={styles['hidden']} title={`the character ${piece.hidden}`}>
            {piece.hidden}
          </span>
        ),
      )}
    </bdi>
  )
}
