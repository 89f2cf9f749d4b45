package enter

const sysMkdir = 83
