// SPDX-License-Identifier: Apache-2.0

/** Characters of an answer that a policy may want; of a longer one there is no digest, since it would be of a part. */
const answerCharsMax = 1_000_000

/** The text of an answer, whole or in parts: the same either way, so that digests of it are. */
export interface AnswerText {
  add(part: unknown): void
  /** Undefined where there is none, or more than is kept. */
  whole(): string | undefined
}

export function createAnswerText(): AnswerText {
  let text: string | undefined
  let isOver = false
  return {
    add(part) {
      if (typeof part !== 'string' || isOver) return
      text = (text ?? '') + part
      if (text.length <= answerCharsMax) return
      isOver = true
      text = undefined
    },
    whole: () => text,
  }
}
