// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import type { Place } from './shell.tsx'
import styles from './shell.module.css'

export function RailLink({ path, name, also = [] }: Place): ReactNode {
  const [location] = useLocation()
  const isHere = [path, ...also].some((each) => location === each || location.startsWith(`${each}/`))
  return (
    <Link href={path} className={styles['link'] ?? ''} aria-current={isHere ? 'page' : undefined}>
      {name}
    </Link>
  )
}
