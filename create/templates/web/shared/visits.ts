/** How often the page was asked for. */
export class Visits {
  total = 0;
}
