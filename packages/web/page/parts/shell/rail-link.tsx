// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef, type ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import type { Place } from './shell.tsx'
import styles from './shell.module.css'

export function RailLink({ path, name, also = [] }: Place): ReactNode {
  const [location] = useLocation()
  const isHere = [path, ...also].some((each) => location === each || location.startsWith(`${each}/`))
  const link = useRef<HTMLAnchorElement>(null)
  useEffect(() => {
    // Where the rail is a row that scrolls, the place where one is must not be beyond its edge.
    if (isHere) link.current?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [isHere])
  return (
    <Link ref={link} href={path} className={styles['link'] ?? ''} aria-current={isHere ? 'page' : undefined}>
      {name}
    </Link>
  )
}
