// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'
import { withRecent } from '../../model/destination.ts'

const place = 'fasten.recent'

/** The questions that were asked in this browser, the newest first. Whatever lies there, anybody's hand may have written. */
export function recentQuestions(): readonly string[] {
  const text = localStorage.getItem(place)
  if (text === null) return []
  try {
    const found = readJson(text)
    return Array.isArray(found)
      ? found.filter((each): each is string => typeof each === 'string').slice(0, 12)
      : []
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}

export function keepQuestion(text: string): void {
  localStorage.setItem(place, JSON.stringify(withRecent(recentQuestions(), text)))
}
