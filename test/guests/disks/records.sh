# Numbered records of 1024 bytes, each with a checksum; a number is printed when fsync has returned, and not before.
n=0
while :; do
  n=$((n + 1))
  printf '%0500d' $n > /tmp/record
  md5sum < /tmp/record >> /tmp/record
  dd if=/tmp/record of=/mnt/log bs=1024 seek=$((n - 1)) count=1 conv=sync,notrunc,fsync 2> /dev/null && echo "ACK $n"
done
