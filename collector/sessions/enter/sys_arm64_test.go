package enter

const sysMkdir = 34 // mkdirat, as there is no other
