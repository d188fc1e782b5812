// A browser that goes back shows a page as it was, even if the person has logged out since.
addEventListener('pageshow', ({ persisted }) => {
  if (!persisted) return
  document.body.replaceChildren()
  location.reload()
})
